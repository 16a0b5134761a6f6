"""项目与预算: projects, the append-only ledger of appropriations and payments, findings and the track record."""
