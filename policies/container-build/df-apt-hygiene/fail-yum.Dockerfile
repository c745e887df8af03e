FROM almalinux:9
# expect[yum low certain]: `dnf install` leaves its cache in the image, expected `dnf clean all` behind it
RUN dnf install -y curl
