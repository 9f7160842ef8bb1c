"""`python -m reviewtune`: the same as the `reviewtune` program."""

from reviewtune.cli import main

raise SystemExit(main())
