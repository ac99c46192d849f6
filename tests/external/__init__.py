"""Families from outside: distributions of strangers, installed next to famsock's own wheel."""
