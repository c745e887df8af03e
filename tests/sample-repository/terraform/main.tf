terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.80"
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

resource "aws_sqs_queue" "parcel_events" {
  name                       = "parcel-events"
  visibility_timeout_seconds = 60
}

module "network" {
  source = "./modules/network"

  cidr = "10.20.0.0/16"
}
