"""One request on its way through the limiter's pre-call hook: what LiteLLM's hook works out before and between its
steps, by LiteLLM's own helpers, looked up when they are called.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any, Final

from accel.errors import Declined
from accel.features.rate_limiting import descriptors, estimate, options
from accel.features.rate_limiting.handler import CLASS, MODULE
from accel.features.rate_limiting.kept import ScopesUntil
from accel.features.rate_limiting.retry_after import tell, window_rest_s
from accel.features.seam import Junction, Raised

REPRODUCES: Final = (
    f"{CLASS}.async_pre_call_hook",
    f"{CLASS}.get_rate_limiter_for_call_type",
    f"{CLASS}._reserve_project_io_tokens_or_raise",
    f"{MODULE}:PROJECT_ITPM_DESCRIPTOR_KEY",
    f"{MODULE}:PROJECT_OTPM_DESCRIPTOR_KEY",
    *descriptors.REPRODUCES,
    *estimate.REPRODUCES,
)
"""What the replacement of the hook stands for besides the steps."""

BOUND: Final = estimate.BOUND

PROJECT_KEYS: Final = ["model_per_project_itpm", "model_per_project_otpm"]


class Hook:
    """What every request through the hook needs. Made when LiteLLM's modules are there; thread-safe."""

    def __init__(self, junction: Junction) -> None:
        self.junction: Final = junction
        self.module: Final[Any] = sys.modules[MODULE]
        self._plain: Final = descriptors.Plain()

    async def request(
        self, handler: Any, user: Any, data: Any, call_type: Any, endpoint_type: Any
    ) -> Request | Raised:
        """The request with its descriptors, or what LiteLLM raises on the way."""
        module = self.module
        stash = module.claim_request_stash_for_data(data)
        try:
            view = module._REQUEST_RATE_LIMIT_DATA.validate_python(data)
            model = view.get("model")
            model = model if isinstance(model, str) else None
            found = self._plain.descriptors(handler, user, data, model)
            if found is None:
                found = await handler._build_request_rate_limit_descriptors(
                    user_api_key_dict=user, data=view, call_type=call_type
                )
                tags = frozenset(one["value"] for one in found if one["key"] == "tag" and _tokens(one) is not None)
            else:
                tags = frozenset()
        except Exception as error:  # noqa: BLE001  # LiteLLM's own answer, and nothing was charged
            return Raised(error)
        stash.tpm_limited_tags = tags
        return Request(self, handler, user, data, call_type, endpoint_type, model, found, stash)


class Request:
    """One request between the limiter's steps."""

    def __init__(
        self,
        hook: Hook,
        handler: Any,
        user: Any,
        data: Any,
        call_type: Any,
        endpoint_type: Any,
        model: str | None,
        found: list[dict[str, Any]],
        stash: Any,
    ) -> None:
        self._hook: Final = hook
        self._module: Final = hook.module
        self.handler: Final = handler
        self._user: Final = user
        self.data: Final = data
        """The request's body."""
        self._call_type: Final = call_type
        self._endpoint_type: Final = endpoint_type
        self._model: Final = model
        self.descriptors: Final = found
        self.stash: Final = stash
        self.gauges: Final = [
            f"{{{one['key']}:{one['value']}}}:max_parallel_requests"
            for one in found
            if (one["rate_limit"] or {}).get("max_parallel_requests") is not None
        ]
        self.slot: Final = uuid.uuid4().hex if self.gauges else None

    @property
    def span(self) -> Any:
        """The parent span that LiteLLM hands on."""
        return self._user.parent_otel_span

    def windowed(self) -> list[dict[str, Any]]:
        """The descriptors whose windows are counted first."""
        if self.handler.tpm_reservation_enabled:
            return self.descriptors
        return [one for one in self.descriptors if one["key"] not in PROJECT_KEYS]

    def token_limits(self) -> list[int]:
        """Limits under which tokens are reserved now; none where that is switched off. Declines odd ones."""
        if not self.handler.tpm_reservation_enabled:
            return []
        limits = []
        for one in self.descriptors:
            limit = (one["rate_limit"] or {}).get("tokens_per_unit")
            if limit is not None and one["key"] not in PROJECT_KEYS:
                if type(limit) is not int:
                    raise Declined("a limit of tokens that is no integer")
                limits.append(limit)
        return limits

    def plain_tokens(self, smallest: int) -> int | None:
        """What `estimate` would answer without any effect, for a plain chat of a key without projects."""
        if any(one["key"] in PROJECT_KEYS for one in self.descriptors):
            return None
        tokens = estimate.chat_tokens(self._user, self.data, self._call_type, smallest)
        return None if tokens is None else max(tokens, 1)

    def admitted(self, response: dict[str, Any]) -> None:
        """Notes for the later hooks that windows and gauges let the request in."""
        self.stash.rate_limit_response = response
        if self.slot is not None:
            self.stash.parallel_slot = {"slot_id": self.slot, "counter_keys": self.gauges}

    def wants(self, option: str) -> bool:
        """Whether an option of accel's own is in force for this request."""
        return options.wanted(self._hook.junction, option)

    async def refused(self, response: dict[str, Any], retry_after_s: float | None = None) -> Raised | None:
        """What LiteLLM raises of a limit that is reached. `retry_after_s`: known to whoever refused."""
        try:
            self.handler._handle_rate_limit_error(
                response=response, descriptors=self.descriptors, requested_model=self._model
            )
        except Exception as error:  # noqa: BLE001  # the 429 itself
            now_s = self.handler._get_current_time().timestamp()
            if retry_after_s is None and self.wants(options.EXACT_RETRY_AFTER):
                over = next((one for one in response["statuses"] if one["code"] == "OVER_LIMIT"), None)
                whose = next((one for one in self.descriptors if over and _is_of(one, over)), None)
                retry_after_s = await window_rest_s(self.handler, whose, now_s) if whose else None
            if retry_after_s is not None:
                tell(error, now_s, retry_after_s)
            return Raised(error)
        return None

    def estimate(self, data: Any, smallest: int) -> int | Raised:
        """Tokens to reserve. May limit the length of the answer in `data`, as LiteLLM does under small limits."""
        handler, module = self.handler, self._module
        try:
            declared = module.get_estimated_output_tokens(user_api_key_dict=self._user, model_name=self._model)
            handler._apply_implicit_output_cap(
                data=data,
                min_configured_limit=smallest,
                call_type=self._call_type,
                configured_output_tokens=declared,
                endpoint_type=self._endpoint_type,
            )
            estimated = handler._estimate_tokens_for_request(
                data=data,
                model=self._model,
                min_configured_tpm_limit=smallest,
                call_type=self._call_type,
                configured_output_tokens=declared,
            )
        except Exception as error:  # noqa: BLE001  # LiteLLM's own answer
            return Raised(error)
        tokens: int = max(estimated, 1)
        return tokens

    def reserved(self, response: dict[str, Any], tokens: int) -> None:
        """Notes for the later hooks what was reserved, and what the answer says of it."""
        self.noted(response, tokens)
        if self.stash.rate_limit_response is not None:
            self.stash.rate_limit_response["statuses"].extend(response["statuses"])

    def noted(self, response: dict[str, Any], tokens: int) -> None:
        """Notes for LiteLLM's later hooks which tokens were reserved in its windows, and where."""
        stash = self.stash
        stash.reserved_tokens = tokens
        stash.reserved_model = self.handler._rate_limited_model(self._model)
        scopes = [(one["key"], one["value"]) for one in self.reserving()]
        windows = response.get("reservation_windows")
        if windows and not self._hook.junction.beside(options.GUARDED_SETTLE).guard.bypassed():
            stash.reserved_scopes = until = ScopesUntil(scopes)
            until.ends_s = {counter: int(began) + self.handler.window_size for counter, began, _backend in windows}
        else:
            stash.reserved_scopes = frozenset(scopes)

    async def reservation(self, response: dict[str, Any], tokens: int) -> Raised | None:
        """What follows from an answer about tokens."""
        if response["overall_code"] == "OVER_LIMIT":
            await self.handler._release_stashed_parallel_slot(self.stash, self.span)
            return await self.refused(response)
        self.reserved(response, tokens)
        return None

    async def reserve_by_litellm(self, tokens: int) -> Any:
        """LiteLLM's own reservation of tokens; `Raised` where it raises."""
        try:
            return await self.handler.reserve_tpm_tokens(
                descriptors=self.descriptors, estimated_tokens=tokens, parent_otel_span=self.span
            )
        except Exception as error:  # noqa: BLE001  # LiteLLM's own answer
            return Raised(error)

    def draft(self, limits: list[int]) -> tuple[dict[str, Any], int | None] | Raised:
        """The body as it will be if the request is let in, and the tokens to reserve then.

        LiteLLM limits the answer's length, which the estimate depends on, only once windows and gauges let it in.
        """
        if not limits:
            return self.data, None
        smallest = min(limits)
        plain = self.plain_tokens(smallest)
        if plain is not None:
            return self.data, plain
        draft = dict(self.data)
        tokens = self.estimate(draft, smallest)
        return tokens if isinstance(tokens, Raised) else (draft, tokens)

    def adopt(self, draft: dict[str, Any]) -> None:
        """Takes over what an estimate changed in a copy of the body."""
        if draft is not self.data:
            for name, value in draft.items():
                if self.data.get(name) is not value:
                    self.data[name] = value

    def reserving(self) -> list[dict[str, Any]]:
        """The descriptors under which tokens are reserved."""
        return [one for one in self.descriptors if one["key"] not in PROJECT_KEYS and _tokens(one) is not None]

    async def project(self) -> Raised | None:
        """LiteLLM's step for projects that limit input and output tokens apart."""
        if not any(one["key"] in PROJECT_KEYS for one in self.descriptors):
            return None
        try:
            await self.handler._reserve_project_io_tokens_or_raise(
                descriptors=self.descriptors,
                data=self.data,
                requested_model=self._model,
                user_api_key_dict=self._user,
                tpm_reservation_scopes=tuple(self.stash.reserved_scopes),
                tpm_reservation_amount=self.stash.reserved_tokens,
                call_type=self._call_type,
                endpoint_type=self._endpoint_type,
            )
        except Exception as error:  # noqa: BLE001  # LiteLLM's own answer
            return Raised(error)
        return None


def _tokens(descriptor: dict[str, Any]) -> Any:
    return (descriptor["rate_limit"] or {}).get("tokens_per_unit")


def _is_of(descriptor: dict[str, Any], status: dict[str, Any]) -> bool:
    value = status.get("descriptor_value")
    return descriptor["key"] == status["descriptor_key"] and value in (None, descriptor["value"])
