"""Training: the only layer that knows skorch. Sequences and a network in, a trained net out."""
