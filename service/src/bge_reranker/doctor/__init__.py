"""What a machine, its settings and what lies on its disks have to do with whether the server will run well here."""
