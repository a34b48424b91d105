"""Makes `tests/` importable, so that test modules can use `support`."""

import os

# No test needs a network; without this LiteLLM asks for its price list when it is imported.
os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
