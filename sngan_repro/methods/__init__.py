"""The methods: one small file each, registering itself. Listing them never imports torch."""

from sngan_repro.methods.base import METHODS, Method, MethodOptions

__all__ = ["METHODS", "Method", "MethodOptions"]
