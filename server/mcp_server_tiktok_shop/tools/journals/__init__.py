"""Settlements as journals of double entry, in the forms that accounting programs import.

A program more is one `JournalForm` in `forms.py`: its columns, its dates, and how many lines a file of it may have.
"""
