FROM registry.example.com/debian:stretch
