"""Pub/Sub: the production adapter and Google's generated client, with our own model behind them."""
