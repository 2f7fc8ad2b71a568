"""Where nobody is to be led: what is no page of ours, and what a browser might take for another site."""

ELSEWHERE = (
    *(
        "https://evil.example/ui/x",
        "https:/evil.example/",
        "https:evil.example",
        "javascript:alert(1)",
        "//evil.example",
    ),
    *(
        "//evil.example/ui/x",
        "///evil.example",
        "///ui/x",
        "////ui/x",
        "///",
        "//",
        "//@ui/x",
        "//ui:80/x",
        "/ui//ui/x",
    ),
    *("/\\evil.example", "\\/ui/x", "\\\\ui/x", "/ui\\x", "/\\/ui/x", "/ui/events?a=\\", "/ui/..\\x"),
    *("/\t/ui/x", "/\n/ui/x", "\t//ui/x", "/\r\n/ui/x", "/ui/\tx", "/ui/x\n", "/ui/events?a=\n", "\x00//ui/x"),
    *("\x1f//ui/x", " //ui/x", " /ui/x", "/ //ui/x", "\x7f/ui/x", "/ui/\x7f", "/ui/events?a=\x7f", "/\u2028/ui/x"),
    *("/ui/../api/v1/events", "/ui/..//ui/x", "/.//ui/x", "/ui/%2e%2e//ui/x", "/ui/.%2E/x", "/ui/x/..", "/%2fui/x"),
    *("/api/v1/events", "/ui", "/ui/", "/uix", "x", "ui/x", "?a=b", "#a", "/\uff0fui/x", "/ui/\u2025/x", ""),
)
