"""The page on which a person signs in to the board with a token: a form, and no script."""

from __future__ import annotations

from html import escape

from starlette.responses import HTMLResponse

from ...board.access import page_headers

NOT_GOOD = "not_good"
"""One sentence for everything that can be wrong with a token: nobody learns which there are."""

NOT_NOW = "not_now"

NOT_FINISHED = "not_finished"
"""One sentence for everything that can be wrong with what comes back from the authorization server."""

AGAIN = "again"
"""A browser brings a session that the server does not know (any more)."""

_ENGLISH = {
    "language": "en",
    "title": "Seedance board",
    "token": "Token",
    "button": "Sign in",
    "hint": "The person who runs the server makes one with `seedance-mcp tokens add NAME{team}`. It is sent once and not kept"
    " here; after 12 hours you are asked again.",
    NOT_GOOD: "The token is not good here (any more).",
    NOT_NOW: "The server cannot look at tokens now. Try again in a moment.",
    NOT_FINISHED: "You were not signed in. Try again, or ask the person who runs the server whether you may come.",
    "issuer": "Sign in with your account",
    AGAIN: "Sign in again: your session has ended, or this server does not know it.",
}
_CHINESE = {
    "language": "zh-Hans",
    "title": "Seedance 看板",
    "token": "令牌",
    "button": "登录",
    "hint": "令牌由运行服务器的人用 `seedance-mcp tokens add NAME{team}` 创建。令牌只发送一次，不会保存；12 小时后需重新登录。",
    NOT_GOOD: "此令牌在这里无效（或已失效）。",
    NOT_NOW: "服务器现在无法核对令牌，请稍后再试。",
    NOT_FINISHED: "登录未完成。请重试，或询问服务器运行者您是否有权访问。",
    "issuer": "使用您的账号登录",
    AGAIN: "请重新登录：您的会话已结束，或此服务器不认识该会话。",
}
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:3rem 1rem;max-width:26rem}"
    "label,input,button{display:block;font:inherit;box-sizing:border-box;width:100%}"
    "a{display:inline-block;min-height:2.75rem;line-height:2.75rem}"
    "input,button{padding:.6rem;margin:.25rem 0 1rem;min-height:2.75rem}[role=alert]{font-weight:600}"
)


def sign_in_page(
    path: str, accepted: str, trouble: str = "", status: int = 200, *, issuer: str = "", several: bool = False
) -> HTMLResponse:
    """
    Return the page, which sends its form to `path`, in the language that a browser accepts first.

    `trouble` names what went wrong before: `NOT_GOOD`, `NOT_NOW` or `NOT_FINISHED` with an attempt, `AGAIN` with a session, or
    empty. `issuer` is the path that leads to the authorization server, where there is one to sign in at.
    `several`: there are several teams, so that the command that makes a token has to name one.
    """
    words = _CHINESE if accepted.strip().casefold().startswith("zh") else _ENGLISH
    alert = f'<p role="alert">{escape(words[trouble])}</p>\n' if trouble else ""
    elsewhere = f'<p><a href="{issuer}">{escape(words["issuer"])}</a></p>\n' if issuer else ""
    text = f"""<!doctype html>
<html lang="{words["language"]}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(words["title"])}</title>
<link rel="icon" href="data:,">
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(words["title"])}</h1>
{alert}{elsewhere}<form method="post" action="{path}">
<label for="token">{escape(words["token"])}</label>
<input id="token" name="token" type="password" autocomplete="off" autocapitalize="off" spellcheck="false" required>
<button>{escape(words["button"])}</button>
</form>
<p>{escape(words["hint"].format(team=" --team TEAM" if several else ""))}</p>
</main>
</body>
</html>
"""
    return HTMLResponse(text, status)


def form_headers() -> dict[str, str]:
    """
    Return what the page and the answers to its form say to the browser.

    Without any referrer a form would be sent without its origin, by which those of other pages are known.
    """
    headers = page_headers()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    )
    return {**headers, "Content-Security-Policy": policy, "Referrer-Policy": "same-origin"}
