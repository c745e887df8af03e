terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

resource "aws_sqs_queue" "orders" {
  for_each = toset(["orders", "returns"])
  name     = each.key
}

module "db" {
  source     = "terraform-aws-modules/rds/aws"
  version    = "~> 6.0"
  identifier = "shop"
}

# It is made elsewhere, and known here.
data "aws_s3_bucket" "media" {
  bucket = "acme-media"
}
