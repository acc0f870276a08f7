"""What scikit-learn users import."""
