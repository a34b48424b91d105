"""The request lane's front in uvicorn: what accepts connections, hands them over and takes them back."""
