FROM debian:trixie-slim AS tools
# expect[piped-to-shell medium certain]: `https://get.example.com/install.sh` comes and runs before anybody has seen it
RUN apt-get update && curl -sSfL https://get.example.com/install.sh | sudo -E bash -s -- -b /usr/local/bin
# expect[plain-to-shell high]: `http://get.example.com` comes over plain HTTP
RUN wget -qO- http://get.example.com | sh
# expect[piped-to-shell]: `https://example.com/i`
RUN sh -c "$(curl -fsSL https://example.com/i)"
# expect[piped-to-shell]: `https://example.com/j`
RUN bash <(curl -fsSL https://example.com/j)
# expect[unverified low likely]: nothing verifies what comes from `https://example.com/tool-1.2.tar.gz`
RUN curl -fsSL https://example.com/tool-1.2.tar.gz | tar -xz -C /usr/local
# expect[latest medium]: nothing verifies what comes from `https://example.com/releases/latest/download/kubectl`
RUN curl -fsSLo /usr/local/bin/kubectl https://example.com/releases/latest/download/kubectl && chmod +x /usr/local/bin/kubectl
# expect[no-fail low]: `curl` writes an error of the server
RUN curl -sSL -o /etc/list https://example.com/list
# expect[unverified]: `https://example.com/agent.jar`
ADD https://example.com/agent.jar /agent.jar
CMD ["/app"]
