terraform {
  backend "s3" {
    bucket         = "shop-terraform"
    key            = "shop/prod/terraform.tfstate"
    region         = "eu-central-1"
    encrypt        = true
    dynamodb_table = "terraform-locks"
  }
}
