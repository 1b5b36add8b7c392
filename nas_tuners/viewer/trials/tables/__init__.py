"""Reading a study's tables with a few plain queries.

Optuna makes an object of every trial, with an object for every parameter: many seconds for ten
thousand trials. Here each table is read once, in pieces, and of parameters only what the page
needs.
"""
