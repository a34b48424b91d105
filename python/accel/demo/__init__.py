"""The bundled demonstration: a mock upstream, a real LiteLLM proxy under accel, and what ran where."""
