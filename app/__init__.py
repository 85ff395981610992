"""铁脚板 Ironfeet: field work of a sub-district, from the phone to the wall screen.

The application is put together in :mod:`app.wiring`; this package imports nothing, so that any module
can be imported alone.
"""
