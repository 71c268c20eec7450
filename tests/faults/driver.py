"""Runs a driver: ``python -m tests.faults.driver kills 20 1``. Models may be imported only once Django is set up."""

import importlib
import json
import sys

import django

if __name__ == "__main__":
    django.setup()
    main = importlib.import_module(f"tests.faults.{sys.argv[1]}").main
    print(json.dumps(main(*(int(each) if each.isdigit() else each for each in sys.argv[2:]))))
