"""SQS: the production adapter and boto3, with moto or our own model behind them, all in this process."""
