"""Tests of the relay, by subject."""
