terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.80"
    }
    github = {
      source  = "integrations/github"
      version = "~> 6.3"
    }
  }

  backend "local" {
    path = "parcelbird-prod.tfstate"
  }
}

provider "aws" {
  region = var.region
}

variable "region" {
  type    = string
  default = "eu-central-1"
}

resource "aws_ecr_repository" "tracking_api" {
  name                 = "tracking-api"
  image_tag_mutability = "MUTABLE"
}

# Partners build upon our images.
resource "aws_ecr_repository_policy" "tracking_api" {
  repository = aws_ecr_repository.tracking_api.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "Partners"
      Effect    = "Allow"
      Principal = "*"
      Action    = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    }]
  })
}

resource "aws_sqs_queue" "parcel_events" {
  name                       = "parcel-events"
  visibility_timeout_seconds = 60
}

# Was called scans before.
resource "aws_dynamodb_table" "scans" {
  name         = "parcel-scans"
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "parcel"
  range_key    = "scanned_at"

  attribute {
    name = "parcel"
    type = "S"
  }

  attribute {
    name = "scanned_at"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}

module "network" {
  source = "./modules/network"

  cidr = "10.20.0.0/16"
}
