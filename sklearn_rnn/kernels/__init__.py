"""The recurrences as pure functions: tensors in, tensors out; no parameters, no numpy."""
