"""Choosing constants on validation data: many candidates, many orders, several processes, one storage."""
