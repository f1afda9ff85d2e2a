"""Phases that call another phase and change what it meets, when it happens or what is left of it."""
