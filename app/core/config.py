"""One Settings object; the documentation's table of settings is printed from it."""

from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.core.secrets import Secrets, secrets_of, usable_secrets

_SANDBOX_API = "https://api.sandbox.midtrans.com"
_PRODUCTION_API = "https://api.midtrans.com"

#: Settings that may hold several secrets, some of them with an end (`core.secrets`).
SEVERAL = (
    "callback_admin_token",
    "midtrans_server_key",
    "digiflazz_webhook_secret",
    "discord_bot_token",
    "discord_public_key",
    "telegram_bot_token",
    "telegram_webhook_secret",
)


class Settings(BaseSettings):
    """Settings from the environment or `.env`; a variable that is empty or blank counts as not set."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    callback_env: Literal["development", "production"] = Field(
        "development", description="`production` refuses what is not configured; `development` only runs on loopback."
    )
    callback_host: str = Field("127.0.0.1", description="Address to listen on.")
    callback_port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 lets the system choose.")
    callback_admin_token: SecretStr | None = Field(
        None, description="Bearer token for event and management addresses; open without it in development only."
    )
    callback_app: str | None = Field(
        None, description="`package.module:name` of your CallbackManager, or of a function that takes one."
    )
    callback_lang: Literal["id", "en"] = Field("id", description="Language of texts for people.")
    callback_trusted_proxies: str = Field(
        "", description="Addresses or networks, separated by commas, whose X-Forwarded-For counts."
    )
    callback_log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level logged.")

    callback_providers: str = Field(
        "", description="Folders with files of providers of your own (docs/provider-files.md), separated by colons."
    )
    callback_public_url: str = Field(
        "",
        description="`https://shop.example`: the address under which senders know this server; some sign it.",
    )
    callback_believe: str = Field(
        "",
        description="Payment providers, separated by commas, believed also in what their proof does not cover.",
    )

    database_url: str = Field("sqlite:///data/state.db", description="The state: orders, facts, wallets, tasks.")
    callback_log_url: str = Field("sqlite:///data/log.db", description="The callback log.")

    midtrans_server_key: SecretStr | None = Field(
        None,
        description="Signs Midtrans' notifications, opens payment pages; of several (commas) the first asks.",
    )
    midtrans_client_key: SecretStr | None = Field(
        None, description="Midtrans' public key for payment pages. Not used yet."
    )
    midtrans_confirm: Literal["doubt", "always", "never"] = Field(
        "doubt", description="When Midtrans' status API is asked before money moves."
    )
    midtrans_unknown_after: float = Field(
        300, ge=0, description="Seconds after which a payment that Midtrans' API does not know is rejected."
    )
    midtrans_api_url: str = Field("", description="Midtrans' API, and Snap beside it; by default chosen by the key.")

    digiflazz_username: str | None = Field(None, description="Digiflazz' user name. Not used yet.")
    digiflazz_api_key: SecretStr | None = Field(None, description="Digiflazz' API key. Not used yet.")
    digiflazz_webhook_secret: SecretStr | None = Field(
        None, description="Signs Digiflazz' callbacks; several separated by commas."
    )
    digiflazz_api_url: str = Field("https://api.digiflazz.com", description="Digiflazz' API. Not used yet.")

    discord_bot_token: SecretStr | None = Field(
        None,
        description="The bot's token: runs the bot, writes messages, registers commands; of several the first one.",
    )
    discord_public_key: str | None = Field(
        None, description="The application's public key (hex) that proves interactions; several separated by commas."
    )
    discord_api_url: str = Field(
        "https://discord.com/api/v10",
        description="Discord's API, also the bot's; webhooks at its host are sent to, beside those at discord.com.",
    )

    telegram_bot_token: SecretStr | None = Field(
        None, description="The bot's token: messages, set-up; of several the first one."
    )
    telegram_webhook_secret: SecretStr | None = Field(
        None, description="The secret_token given to setWebhook; several separated by commas, the first one is given."
    )
    telegram_bot_username: str = Field(
        "", description="The bot's name; commands for another one (`/saldo@other_bot`) are then left alone."
    )
    telegram_api_url: str = Field("https://api.telegram.org", description="Telegram's API.")

    callback_channels: SecretStr | None = Field(
        None,
        description="Other channels of messages by name, as JSON: addresses of apprise with `{address}` where the"
        " recipient goes.",
    )

    callback_folders: str = Field(
        "",
        description="Folders that `up` watches and whose files may be read, separated by colons; those that"
        " `callbacks watch` was started with are known without it.",
    )
    callback_ignore: str = Field(
        "", description="Names of files that are left alone, as patterns (`*.bak`), separated by commas."
    )
    callback_uploads: str = Field("data/uploads", description="Folder that keeps what users upload.")

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_not_set(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value

    @field_validator(*SEVERAL)
    @classmethod
    def _ends(cls, value: SecretStr | str | None) -> SecretStr | str | None:
        Secrets(value)  # raises for an end that is none: better at the start than at the first callback
        return value

    @field_validator("midtrans_api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must be an address such as https://api.midtrans.com")
        return value

    @field_validator("callback_public_url")
    @classmethod
    def _public_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username is not None
        ):
            raise ValueError("must be an address such as https://shop.example, without ? and #")
        return value.rstrip("/")

    def public_url(self) -> str:
        """The address that senders know, without a slash at its end; by default where this server listens."""
        return self.callback_public_url or f"http://{self.callback_host}:{self.callback_port}"

    def believed(self) -> frozenset[str]:
        """Names of providers that are believed in what their proof does not cover."""
        return frozenset(name.strip() for name in self.callback_believe.split(",") if name.strip())

    @property
    def production(self) -> bool:
        """Whether what is not configured is refused."""
        return self.callback_env == "production"

    def midtrans_api(self) -> str:
        """The address of Midtrans' API without a trailing slash: as set, else by the first key's prefix."""
        if self.midtrans_api_url:
            return self.midtrans_api_url.rstrip("/")
        keys = usable_secrets(self.midtrans_server_key)
        return _SANDBOX_API if keys and keys[0].startswith(b"SB-") else _PRODUCTION_API

    def midtrans_snap(self) -> str:
        """The address of Snap, Midtrans' payment page: `app.` beside Midtrans' own `api.`, else where the API is.

        Source: Midtrans, Snap: backend integration, endpoint (`https://app.sandbox.midtrans.com`).
        """
        address = self.midtrans_api()
        host = urlsplit(address).hostname or ""
        beside = host.startswith("api.") and host.endswith(".midtrans.com")
        return address.lower().replace("://api.", "://app.", 1) if beside else address


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process' settings, read once; `get_settings.cache_clear()` reads them anew."""
    return Settings()


__all__ = ["SEVERAL", "Settings", "get_settings", "secrets_of", "usable_secrets"]
