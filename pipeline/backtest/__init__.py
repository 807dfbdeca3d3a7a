"""`multihead backtest`: what a schedule would have done over past data, and how what it served did afterwards."""
