"""GET /accel/status: for an admin's key in a header, and for nobody and nothing else."""

import os
from collections.abc import Iterator

import httpx
import pytest

from support.proxies import MASTER_KEY, Pair, Proxy, environment, litellm_proxy, write_config

pytestmark = pytest.mark.xdist_group("proxy")

PATH = "/accel/status"


def assert_refused(reply: httpx.Response, own: httpx.Response) -> None:
    """Refused as LiteLLM refuses a request of its own. That is a 500 for a request without a key where
    `prisma` is not installed: LiteLLM's handler of refusals imports it."""
    assert reply.status_code == own.status_code
    assert reply.status_code in (400, 401, 403, 500)
    assert reply.text == own.text
    assert "token_counting" not in reply.text


class TestMasterKey:
    def test_gets_the_status(self, two_workers: Proxy) -> None:
        with two_workers.client() as client:
            reply = client.get(PATH)
        assert reply.status_code == 200
        document = reply.json()
        assert set(document) == {
            "pid", "workers", "version", "native", "litellm", "features", "problems", "mismatches"
        }  # fmt: skip
        os.kill(document["pid"], 0)
        assert document["native"] == {"loaded": True, "reason": None}
        assert document["litellm"] == {"version": "1.106.2", "supported": True, "late": False}
        feature = document["features"]["token_counting"]
        assert {"mode", "percent", "breaker", "calls", "seams"} <= set(feature)
        assert {"native", "python", "failed", "mismatched"} <= set(feature["calls"])
        assert all(set(seam) == {"target", "state", "reason", "calls"} for seam in feature["seams"])
        assert document["pid"] in {worker["pid"] for worker in document["workers"]}

    @pytest.mark.parametrize("key", [None, "sk-wrong", MASTER_KEY + "x"])
    def test_without_it_the_answer_is_litellms_refusal(self, two_workers: Proxy, key: str | None) -> None:
        with two_workers.client(key) as client:
            assert_refused(client.get(PATH), client.get("/v1/models"))

    @pytest.mark.parametrize("value", [MASTER_KEY, f"Bearer {MASTER_KEY}"])
    def test_never_counts_from_a_cookie_or_the_address(self, two_workers: Proxy, value: str) -> None:
        names = ("token", "Authorization", "api_key", "key", "litellm_key", "session")
        with two_workers.client(None) as client:
            cookies = "; ".join(f"{name}={value}" for name in names)
            assert_refused(client.get(PATH, headers={"Cookie": cookies}), client.get("/v1/models"))
            assert_refused(client.get(PATH, params=dict.fromkeys(names, value)), client.get("/v1/models"))

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
    def test_only_reads(self, two_workers: Proxy, method: str) -> None:
        with two_workers.client() as client:
            assert client.request(method, PATH).status_code in (404, 405)


class TestRoles:
    def test_an_admins_key_gets_the_status(self, gunicorn: Proxy) -> None:
        for key in (MASTER_KEY, "sk-admin"):
            with gunicorn.client(key) as client:
                assert client.get(PATH).status_code == 200

    @pytest.mark.parametrize("key", ["sk-user", "sk-viewer", "sk-budget"])
    def test_other_keys_are_refused(self, gunicorn: Proxy, key: str) -> None:
        with gunicorn.client(key) as client:
            reply = client.get(PATH)
        assert reply.status_code == 403
        assert reply.json() == {"detail": "accel: for a proxy admin only"}

    @pytest.mark.parametrize("key", [None, "sk-unknown"])
    def test_no_known_key_is_a_401(self, gunicorn: Proxy, key: str | None) -> None:
        with gunicorn.client(key) as client:
            reply = client.get(PATH, headers={"Cookie": f"token={MASTER_KEY}"})
        assert reply.status_code == 401

    @pytest.mark.parametrize("key", ["sk-user", "sk-viewer"])
    def test_where_litellm_checks_routes_its_refusal_comes_first(self, custom_auth_pair: Pair, key: str) -> None:
        with custom_auth_pair.accel.client(key) as client:
            assert_refused(client.get(PATH), client.get("/get/config/callbacks"))


@pytest.fixture(scope="module")
def open_proxy(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """A proxy without a master key."""
    directory = tmp_path_factory.mktemp("open")
    allowed = {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
    environ = environment(directory / "runtime", master_key=None, **allowed)
    with litellm_proxy(directory, write_config(directory, upstream), environ, accel=True) as proxy:
        yield proxy


def test_it_is_absent_without_a_master_key(open_proxy: Proxy) -> None:
    for key in (None, MASTER_KEY):
        with open_proxy.client(key) as client:
            reply, unknown = client.get(PATH), client.get("/accel/unknown")
            assert (reply.status_code, reply.json()) == (unknown.status_code, unknown.json())
            assert reply.status_code == 404
            assert client.get("/v1/models").status_code == 200


class TestLiteLLMsOwnRoutes:
    def test_the_schema_does_not_know_ours(self, custom_auth_pair: Pair) -> None:
        schemas = []
        for proxy in custom_auth_pair:
            with proxy.client() as client:
                schemas.append(client.get("/openapi.json").json())
        plain, accel = schemas
        assert plain == accel
        assert not [path for path in accel["paths"] if path.startswith("/accel")]

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/health/liveliness", 200),
            ("/health/readiness", 200),
            ("/v1/models", 200),
            ("/models", 200),
            ("/accel", 404),
            ("/accel/", 404),
            ("/accel/status/", 200),
            ("/accel/nothing", 404),
            ("/nothing/at/all", 404),
            ("/v1/nothing", 404),
        ],
    )
    def test_answer_as_before(self, custom_auth_pair: Pair, path: str, status: int) -> None:
        def answer(proxy: Proxy) -> httpx.Response:
            with proxy.client() as client:
                return client.get(path, follow_redirects=True)

        plain, accel = answer(custom_auth_pair.plain), answer(custom_auth_pair.accel)
        assert accel.status_code == status
        if not path.startswith("/accel/status"):
            assert plain.status_code == status
            assert plain.content == accel.content
