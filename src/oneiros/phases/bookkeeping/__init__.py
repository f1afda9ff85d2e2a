"""Phases that write to memory, copy, forget or set rates, and train nothing."""
