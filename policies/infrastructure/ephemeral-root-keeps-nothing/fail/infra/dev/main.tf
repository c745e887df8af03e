resource "aws_ecr_repository" "shop" { # label: it is destroyed
  name = "shop"
}

module "images" {
  source = "../modules/images"
}

resource "aws_route53_zone" "dev" { # label: it is destroyed
  name = "dev.example.com"
}

resource "aws_s3_bucket" "tfstate" { # label: it is destroyed
  bucket = "acme-dev"
}

resource "aws_s3_bucket" "scratch" {
  bucket = "acme-scratch"
}

resource "aws_db_instance" "shop" { # label: it is destroyed
  engine              = "postgres"
  skip_final_snapshot = true
}

resource "aws_db_instance" "kept" {
  engine                    = "postgres"
  final_snapshot_identifier = "kept"
}
