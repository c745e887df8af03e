FROM eclipse-temurin:21-jre
ENTRYPOINT ["sh", "-c", "prepare; exec java -jar /app.jar"]
