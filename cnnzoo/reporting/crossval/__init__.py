"""The page of a cross-validation and its figures."""
