FROM eclipse-temurin:21-jre
CMD --port=1
# expect[shell-form]: a shell is started, and `java` below it
ENTRYPOINT java $JAVA_OPTS -jar /app.jar
