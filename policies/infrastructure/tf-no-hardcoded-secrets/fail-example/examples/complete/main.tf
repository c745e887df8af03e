resource "aws_db_instance" "example" {
  engine   = "postgres"
  password = "oX2-kite-pond" # expect[sample]: `password` of `aws_db_instance.example`
}
