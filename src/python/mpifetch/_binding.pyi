"""Made by binding.py from mpifetch.h."""

from typing import Any

ffi: Any
lib: Any
