"""What each sender means: the tree of the specification."""
