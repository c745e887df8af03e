provider "aws" {
  region = "eu-central-1"
}

resource "aws_sqs_queue" "orders" {
  name = "orders"
}

resource "aws_s3_bucket" "media" {
  bucket = "acme-media"
}

variable "environment" {
  type = string
}

# Of this no more is known than how it begins.
resource "aws_s3_bucket" "logs" {
  bucket = "logs-${var.environment}"
}
