"""Measures hexz beside its neighbours. Needs Python 3.11 and its standard library."""
