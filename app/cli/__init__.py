"""Commands of the installation: ``flask places``, ``flask staff``, ``flask ledger``, ``flask demo``."""
