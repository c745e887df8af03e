ARG IMAGE=eclipse-temurin:21-jdk
# expect[build-image]: `docker.io/library/eclipse-temurin`
FROM $IMAGE AS base
FROM base
COPY app.jar /
CMD java -jar /app.jar
