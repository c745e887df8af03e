# not-evaluated: the user of the base image `registry.example.com/base/java:21` is not known
FROM registry.example.com/base/java:21
COPY app.jar /app.jar
CMD ["java", "-jar", "/app.jar"]
