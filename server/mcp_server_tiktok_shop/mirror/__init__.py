"""The local copy of the shops: tables as records, sync, snapshots, SQL, reports."""
