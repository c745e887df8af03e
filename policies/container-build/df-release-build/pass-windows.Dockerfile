# not-evaluated: a script is not read to its end: it is a script for `powershell`
FROM mcr.microsoft.com/windows/servercore:ltsc2022
SHELL ["powershell", "-Command"]
RUN if (Test-Path C:\app) { cargo build }
