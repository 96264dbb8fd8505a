"""Other libraries' spellings of the same Tensors and graphs."""
