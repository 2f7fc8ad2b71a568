# Build: docker build -t incidents-platform .
# Both stages use one base, so that the virtual environment finds its interpreter where it was made.
ARG PYTHON_IMAGE=python:3.14.10-slim-trixie

FROM ${PYTHON_IMAGE} AS build
RUN pip install --no-cache-dir uv==0.13.8
ENV UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy \
    UV_PYTHON_DOWNLOADS=never \
    UV_PROJECT_ENVIRONMENT=/opt/im
WORKDIR /src
# Dependencies first: this layer is rebuilt only when the lock file changes.
COPY pyproject.toml uv.lock ./
RUN uv sync --frozen --no-dev --no-install-project
COPY . .
RUN uv sync --frozen --no-dev --no-editable

FROM ${PYTHON_IMAGE}
# Fixed ids, so that volumes and host folders can be given to them.
RUN groupadd --gid 10001 im \
    && useradd --uid 10001 --gid im --no-create-home --home-dir /var/lib/im --shell /usr/sbin/nologin im \
    && install -d -o im -g im -m 0700 /var/lib/im
COPY --from=build /opt/im /opt/im
ENV PATH=/opt/im/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    IM_STATE_DIR=/var/lib/im
WORKDIR /var/lib/im
USER 10001:10001
VOLUME ["/var/lib/im"]
EXPOSE 8080
# Liveness of `im serve` on its default port; it answers also while Temporal is away. `im worker` needs a check of its
# own: see docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
# The API binds to the container's own loopback unless IM_API_HOST says otherwise, which IM_API_TOKEN must accompany.
ENTRYPOINT ["im"]
CMD ["serve"]
