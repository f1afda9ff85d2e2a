"""One published equation, one pure function of tensors."""
