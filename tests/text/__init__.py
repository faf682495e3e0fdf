"""Tests of the text room: layout, truncation, windows, cutting before tokenising."""
