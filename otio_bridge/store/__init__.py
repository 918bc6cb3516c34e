"""The only place that imports sqlalchemy: the ledger, its transactions and its records."""
