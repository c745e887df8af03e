FROM python:3.13-slim
WORKDIR /shop
# expect[shell-form medium likely]: a shell is started, and `gunicorn` below it, which gets no SIGTERM
CMD gunicorn --bind 0.0.0.0:8080 shop.wsgi
