"""Which rule fuses several references of one person, and which one matches named people.

``python -m benchmarks.references`` prints the tables of docs/decisions/
several-references.md and docs/decisions/identity-rule.md.
"""
