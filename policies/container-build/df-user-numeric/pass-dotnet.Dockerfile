# not-evaluated: the user `$APP_UID` is not known
FROM mcr.microsoft.com/dotnet/aspnet:9.0
USER $APP_UID
CMD ["/app"]
