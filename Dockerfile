# One image for web, worker, beat and the one-time migration. The same Debian and Python as `make run`.
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PIP_NO_CACHE_DIR=1 \
    DJANGO_SETTINGS_MODULE=qingtian_perf.settings.production \
    QINGTIAN_LOCAL_DIR=/srv/local \
    QINGTIAN_FILES=/srv/files \
    QINGTIAN_STATIC=/srv/static

RUN apt-get update \
    && apt-get install -y --no-install-recommends fontconfig fonts-noto-cjk libpango-1.0-0 libpangoft2-1.0-0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 1000 --create-home --shell /usr/sbin/nologin qingtian \
    && install -d -o qingtian -g qingtian -m 0700 /srv/files /srv/local

WORKDIR /app
COPY requirements/base.txt requirements/base.txt
RUN pip install --require-hashes -r requirements/base.txt

COPY . .
# Static files are part of the image; the settings want values that are used for nothing else and forgotten at once.
RUN SECRET_KEY=$(python -c "import secrets; print(secrets.token_urlsafe(64))") ALLOWED_HOSTS=localhost \
    DATABASE_URL=postgres://nobody@localhost/none REDIS_URL=redis://localhost/0 \
    python manage.py collectstatic --noinput -v 0

USER qingtian
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "qingtian_perf.wsgi:application", "-c", "python:qingtian_perf.gunicorn_conf", "--bind", "0.0.0.0:8000"]
